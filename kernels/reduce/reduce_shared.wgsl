// y[k0, k1] = fold over r0, r1 of x[k0, r0, k1, r1]   (the last axis is reduced)
//
// x: k0 · r0 · k1 · r1 elements, read WIDTH at a time; y: k0 · k1 elements.
// Grid: one workgroup an output. Invocation l folds elements, or short rows, l, l + 64, …; a tree over the 64 finishes.

var<workgroup> partial: array<Result, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let out = wid.y * num.x + wid.x;
  let row = p.r1 / WIDTH;
  let kept0 = quotient(out, p.k1);
  let kept1 = out - kept0 * p.k1;
  var acc = nothing();
  if (out < p.k0 * p.k1) {
    if (row >= 64u) {
      // Long rows: walk each row together, without a division an element.
      for (var i = 0u; i < p.r0; i++) {
        let start = ((kept0 * p.r0 + i) * p.k1 + kept1) * row;
        enter0(start);
        for (var j = l; j < row; j += 64u) {
          acc = fold(acc, load0(start + j));
        }
      }
    } else if (p.r0 >= 64u) {
      // Many short rows: each invocation walks rows of its own.
      for (var i = l; i < p.r0; i += 64u) {
        let start = ((kept0 * p.r0 + i) * p.k1 + kept1) * row;
        enter0(start);
        for (var j = 0u; j < row; j++) {
          acc = fold(acc, load0(start + j));
        }
      }
    } else {
      for (var r = l; r < p.r0 * row; r += 64u) {
        let i = quotient(r, row);
        let at = ((kept0 * p.r0 + i) * p.k1 + kept1) * row + r - i * row;
        enter0(at);
        acc = fold(acc, load0(at));
      }
    }
  }
  partial[l] = flat(acc);
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (l < half) {
      partial[l] = merge(partial[l], partial[l + half]);
    }
    workgroupBarrier();
  }
  if (l == 0u && out < p.k0 * p.k1) {
    emit(out, partial[0]);
  }
}
