// s[n, r * K + c, i, j] = sum over d of q[n, d, i, j] * k[n, d, STRIDE i + r, STRIDE j + c]
//
// q: [planes, depth, outHeight, outWidth]; k: [planes, depth, height, width]; s: [planes, K², outHeight, outWidth].
// Grid: one invocation an element of s; neighbours read neighbouring elements. K and STRIDE are written above this
// file.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * 64u + l;
  let pixels = p.outHeight * p.outWidth;
  if (out >= p.planes * K * K * pixels) {
    return;
  }
  let tap = quotient(out, pixels);
  let pixel = out - tap * pixels;
  let plane = tap / (K * K);
  let r = (tap - plane * K * K) / K;
  let c = tap - plane * K * K - r * K;
  let i = quotient(pixel, p.outWidth);
  let j = pixel - i * p.outWidth;
  var q = plane * p.depth * pixels + pixel;
  var k = (plane * p.depth * p.height + STRIDE * i + r) * p.width + STRIDE * j + c;
  var total = 0.0;
  for (var d = 0u; d < p.depth; d++) {
    total = fma(load0(q), load1(k), total);
    q += pixels;
    k += p.height * p.width;
  }
  emit(out, total);
}
