//! A closure borrows what it only looks at, and owns what it is told to.
fn main() {
    let words = vec![String::from("a"), String::from("b")];
    let numbers = vec![1, 2, 3];
    let look = || words.len();
    let own = move || numbers.len();
    println!("{} {}", look(), own());
    let mut count = 0;
    let mut increase = || count += 1;
    increase();
    increase();
    println!("{count}");
    let once = move || words;
    let back = once();
    println!("{}", back.len());
}
