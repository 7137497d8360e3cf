// Division of indices. Integer division has no vector instruction on CPUs and is slow on GPUs; this takes a dozen
// operations of floats and is exact for a below 2^31: the float quotient is off by a rounding error, what it leaves
// over is divided again, and a last step corrects what the division's own error may have left.

fn quotient(a: u32, b: u32) -> u32 {
  let d = f32(b);
  let first = u32(f32(a) / d);
  let q = u32(i32(first) + i32(floor(f32(i32(a - first * b)) / d)));
  let rest = i32(a - q * b);
  return u32(i32(q) + select(0, 1, rest >= i32(b)) - select(0, 1, rest < 0));
}

fn remainder(a: u32, b: u32) -> u32 {
  return a - quotient(a, b) * b;
}
