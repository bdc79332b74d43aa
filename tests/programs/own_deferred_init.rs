//! A `let` without a value: each arm gives it one, and before that it has none.
//! exit: 0

fn name_of(number: u32) -> String {
    let name;
    if number == 0 {
        // <before> name: uninit; number: live
        name = String::from("zero"); // <zero> name: uninit
    } else {
        let text = number.to_string(); // <other> name: uninit; text: uninit
        name = format!("number {text}"); // <text> name: uninit; text: live, owns a block
    }
    println!("{name}"); // <given#1> name: live, owns a block
    //   <given#2> name: live
    name
}

fn main() {
    let names = [name_of(0), name_of(7)];
    println!("{}", names.len()); // <end> names: live, owns 2 blocks in all
}
