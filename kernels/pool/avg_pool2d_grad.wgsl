// dx[n, c, h, w] = 1 / KERNEL² · sum over the windows (i, j) that hold (h, w) of dout[n, c, i, j]
//
// dout: [planes, outHeight, outWidth]; dx: [planes, height, width], planes = N · C.
// Grid: one invocation an element of dx. KERNEL, STRIDE, PADDING and REACH, the number of windows before the last one
// that may still hold an element, along one axis, are written above this file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  if (out >= p.planes * p.height * p.width) {
    return;
  }
  let line = quotient(out, p.width);
  let plane = quotient(line, p.height);
  let base = plane * p.outHeight;
  enter0(base * p.outWidth);
  let row = line - plane * p.height + PADDING;
  let column = out - line * p.width + PADDING;
  var total = 0.0;
  for (var di = 0u; di <= REACH; di++) {
    for (var dj = 0u; dj <= REACH; dj++) {
      // A window before the first wraps to a huge number: one comparison covers both ends.
      let i = row / STRIDE - di;
      let j = column / STRIDE - dj;
      if (i < p.outHeight && j < p.outWidth && row - i * STRIDE < KERNEL && column - j * STRIDE < KERNEL) {
        total += load0((base + i) * p.outWidth + j);
      }
    }
  }
  emit(out, total / f32(KERNEL * KERNEL));
}
