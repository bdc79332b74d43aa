//! `into_iter` takes the vector, `map` moves each element through a closure into a new one.
//! exit: 0

fn main() {
    let names = vec![String::from("ada"), String::from("grace")];
    let lengths: Vec<usize> = names.iter().map(|name| name.len()).collect();
    println!("{lengths:?}"); // <looked> names: live, not lent, owns 3 blocks in all; lengths: live
    let loud: Vec<String> = names.into_iter().map(|name| name + "!").collect();
    println!("{loud:?}"); // <taken> names: moved; loud: live, owns 3 blocks in all; lengths: live
}
