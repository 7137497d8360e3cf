// y[n, c, i, j]  = max over r, s < KERNEL of x[n, c, i · STRIDE + r − PADDING, j · STRIDE + s − PADDING]
// at[n, c, i, j] = r · KERNEL + s of the first such maximum, in row-major order
//
// x: [planes, height, width]; y or at: [planes, outHeight, outWidth], planes = N · C. Padding never wins.
// The output is y where p.position is 0 and at where it is 1.
// Grid: one invocation an output. KERNEL, STRIDE and PADDING are written above this file.

fn wins(value: f32, best: f32) -> bool {
  return value > best || (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
}

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
  var best = 0.0;
  var at = 0u;
  var isFirst = true;
  for (var r = 0u; r < KERNEL; r++) {
    for (var s = 0u; s < KERNEL; s++) {
      // A position before the picture wraps to a huge number: one comparison covers both sides.
      let row = i + r - PADDING;
      let column = j + s - PADDING;
      if (PADDING == 0u || (row < p.height && column < p.width)) {
        let value = load0((base + row) * p.width + column);
        let better = isFirst || wins(value, best);
        best = select(best, value, better);
        at = select(at, r * KERNEL + s, better);
        isFirst = false;
      }
    }
  }
  emit(out, select(best, f32(at), p.position == 1u));
}
