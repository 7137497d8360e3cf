// y[k0, k1, k2] = fold over r0, r1 of x[k0, r0, k1, r1, k2]
//
// x: k0 · r0 · k1 · r1 · k2 elements, read WIDTH · LANES at a time; y: k0 · k1 · k2 elements, written LANES at a
// time. WIDTH is 1 unless k2 = 1, LANES is 1 if it is.
// Grid: one invocation for LANES outputs; where the last axis is kept, neighbours read neighbouring elements.

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = (wid.y * num.x + wid.x) * WORKGROUP + l;
  let k2 = p.k2 / LANES;
  if (out >= p.k0 * p.k1 * k2) {
    return;
  }
  let upper = quotient(out, k2);
  let kept2 = out - upper * k2;
  let kept0 = quotient(upper, p.k1);
  let kept1 = upper - kept0 * p.k1;
  let row = p.r1 / WIDTH;
  var acc = nothing();
  for (var i = 0u; i < p.r0; i++) {
    let start = ((kept0 * p.r0 + i) * p.k1 + kept1) * row * k2 + kept2;
    enter0(start);
    var sum = nothing();
    for (var j = 0u; j < row; j++) {
      sum = fold(sum, load0(start + j * k2));
    }
    acc = fold(acc, sum);
  }
  emit(out, flat(acc));
}
