//! More variables at once than there are lifelines.
fn main() {
    let a = String::from("a");
    let b = String::from("b");
    let c = String::from("c");
    let d = String::from("d");
    let e = String::from("e");
    let f = String::from("f");
    let g = String::from("g");
    let h = String::from("h");
    let i = String::from("i");
    let number = 3;
    println!("{a}{b}{c}{d}{e}{f}{g}{h}{i}{number}");
}
