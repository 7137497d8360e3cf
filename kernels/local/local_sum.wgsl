// y[n, d, i, j] = sum over r, c < K of s[n, r * K + c, i, j] * v[n, d, STRIDE i + r, STRIDE j + c]
//
// s: [planes, K², outHeight, outWidth]; v: [planes, depth, height, width]; y: [planes, depth, outHeight, outWidth].
// Grid: one invocation an element of y; neighbours read neighbouring elements. K and STRIDE are written above this
// file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  let pixels = p.outHeight * p.outWidth;
  if (out >= p.planes * p.depth * pixels) {
    return;
  }
  let channel = quotient(out, pixels);
  let pixel = out - channel * pixels;
  let plane = quotient(channel, p.depth);
  let i = quotient(pixel, p.outWidth);
  let j = pixel - i * p.outWidth;
  var s = plane * K * K * pixels + pixel;
  var v = (channel * p.height + STRIDE * i) * p.width + STRIDE * j;
  var total = 0.0;
  for (var r = 0u; r < K; r++) {
    for (var c = 0u; c < K; c++) {
      total = fma(load0(s), load1(v + c), total);
      s += pixels;
    }
    v += p.width;
  }
  emit(out, total);
}
