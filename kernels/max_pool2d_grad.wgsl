// dx[n, c, h, w] = sum over the windows (i, j) whose first maximum is at (h, w) of dout[n, c, i, j]
//
// at, dout: [planes, outHeight, outWidth], at as of max_pool2d.wgsl; dx: [planes, height, width], planes = N · C.
// Grid: one invocation a cell of STRIDE × STRIDE elements of dx, so that it reads each window that touches them once. Cell
// (a, b) starts where window (a, b) starts, and cells cover the picture, also where no window does: those elements
// get 0. KERNEL, STRIDE and PADDING are written above this file, and `cell`, which sums over the windows
// from (a, b) back and is unrolled over them.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let index = (wid.y * num.x + wid.x) * 64u + l;
  if (index >= p.planes * p.cellRows * p.cellColumns) {
    return;
  }
  let line = quotient(index, p.cellColumns);
  let plane = quotient(line, p.cellRows);
  enterEmit(plane * p.height * p.width);
  cell(plane, line - plane * p.cellRows, index - line * p.cellColumns);
}
