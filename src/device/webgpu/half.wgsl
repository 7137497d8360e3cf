// Numbers on their way into half precision. What is beyond 65504 becomes infinite on every device: WGSL leaves the
// conversion open there, and an adapter that rounds towards zero would hide an overflow, which the loss scale has to
// see. What is infinite or NaN stays so whichever way a compiler that believes in neither takes the comparison.

fn toHalf(x: f32) -> f16 {
  return f16(select(x, x * 3e38, abs(x) > 65504.0));
}

fn toHalf4(x: vec4f) -> vec4h {
  return vec4h(select(x, x * 3e38, abs(x) > vec4f(65504.0)));
}

