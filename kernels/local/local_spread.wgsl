// x[n, d, h, w] = sum over r, c < K of s[n, r * K + c, i, j] * y[n, d, i, j], where STRIDE i + r = h, STRIDE j + c = w
//
// s: [planes, K², outHeight, outWidth]; y: [planes, depth, outHeight, outWidth]; x: [planes, depth, height, width].
// Grid: one invocation an element of x; neighbours read neighbouring elements. K and STRIDE are written above this
// file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  if (out >= p.planes * p.depth * p.height * p.width) {
    return;
  }
  let line = quotient(out, p.width);
  let channel = quotient(line, p.height);
  let plane = quotient(channel, p.depth);
  let h = line - channel * p.height;
  let w = out - line * p.width;
  let pixels = p.outHeight * p.outWidth;
  var total = 0.0;
  for (var r = 0u; r < K; r++) {
    // A row before the first wraps to a huge number: one comparison covers both ends.
    let i = (h - r) / STRIDE;
    if (h - r != i * STRIDE || i >= p.outHeight) {
      continue;
    }
    for (var c = 0u; c < K; c++) {
      let j = (w - c) / STRIDE;
      if (w - c == j * STRIDE && j < p.outWidth) {
        let pixel = i * p.outWidth + j;
        total = fma(load0((plane * K * K + r * K + c) * pixels + pixel), load1(channel * pixels + pixel), total);
      }
    }
  }
  emit(out, total);
}
