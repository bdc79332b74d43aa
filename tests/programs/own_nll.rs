//! A loan ends at the last use of the reference, not at the end of its scope.
//! exit: 0

fn main() {
    let mut scores = vec![5, 8];
    let best = &scores[1];
    println!("{best}"); // <used> scores: lent to best; best: live, borrows heap of scores
    scores.push(9); // <over> scores: live, not lent; event borrow-end scores
    let total: i32 = scores.iter().sum();
    println!("{total}"); // <end> scores: live, not lent; total: live
}
