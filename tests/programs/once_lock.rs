//! A static that is filled at its first use lives as long as the program.
//! exit: 0

use std::sync::{LazyLock, OnceLock};

static NAME: OnceLock<String> = OnceLock::new();
static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (1..=4).map(|n| n * n).collect());

fn name() -> &'static str {
    NAME.get_or_init(|| String::from("Nautilus"))
}

fn main() {
    let first = name();
    println!("=first {first:?}\n@*first {:p}", first); // <filled>
    //   first: live, borrows 8 bytes of heap, borrows heap of static NAME, points to printed
    //   first = "Nautilus"; static NAME: place static, at printed
    println!("@NAME {:p}", &NAME);
    let second = name();
    println!("=second {second:?}\n@*second {:p}", second); // <same> second: points to printed; second = "Nautilus"
    let sum: u32 = TABLE.iter().sum();
    println!("=sum {sum}\n@TABLE {:p}", &TABLE); // <lazy> sum = 30; static TABLE: place static, at printed
}
