//! Adapters are structs that hold what they adapt; nothing runs until somebody asks.
//! exit: 0

fn main() {
    let depths = [12, 7, 30, 4, 25];
    let mut asked = 0;
    let deep: Vec<i32> = depths
        .iter()
        .map(|d| {
            asked += 1;
            d * 2
        })
        .filter(|d| *d > 20)
        .take(2)
        .collect();
    println!("=deep {deep:?}\n=asked {asked}"); // <lazy> deep: live, owns a block; deep = [24, 60]; asked = 3
    let sum: i32 = depths.iter().zip(1..).map(|(d, n)| d * n).sum();
    let longest = depths.iter().max();
    println!("=sum {sum}\n=longest {longest:?}"); // <folded> sum = 257; longest = Some(30)
    let mut chunks = depths.chunks(2);
    let first = chunks.next();
    let rest = chunks.len();
    println!("=first {first:?}\n=rest {rest}\n=chunks.size {}", size_of_val(&chunks)); // <chunks>
    //   first = Some([12, 7]); rest = 2; chunks: live, place stack, size 24
    let text: String = ["bow", "stern"].iter().flat_map(|w| w.chars()).rev().collect();
    println!("=text {text:?}"); // <text> text: owns a block; text = "nretswob"
}
