// y[n, c, i, j] = 1 / KERNEL² · sum over r, s < KERNEL of x[n, c, i · STRIDE + r − PADDING, j · STRIDE + s − PADDING]
//
// x: [planes, height, width]; y: [planes, outHeight, outWidth], planes = N · C. Padding counts as zeros.
// Grid: one invocation an output. KERNEL, STRIDE and PADDING are written above this file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  if (out >= p.planes * p.outHeight * p.outWidth) {
    return;
  }
  let line = quotient(out, p.outWidth);
  let plane = quotient(line, p.outHeight);
  let base = plane * p.height;
  enter0(base * p.width);
  let i = (line - plane * p.outHeight) * STRIDE;
  let j = (out - line * p.outWidth) * STRIDE;
  var total = 0.0;
  for (var r = 0u; r < KERNEL; r++) {
    for (var s = 0u; s < KERNEL; s++) {
      // A position before the picture wraps to a huge number: one comparison covers both sides.
      let row = i + r - PADDING;
      let column = j + s - PADDING;
      if (PADDING == 0u || (row < p.height && column < p.width)) {
        total += load0((base + row) * p.width + column);
      }
    }
  }
  emit(out, total / f32(KERNEL * KERNEL));
}
