//! `while let` goes on as long as the pattern fits; its binding lives for one round.
//! exit: 0

fn main() {
    let mut plates = vec!["red", "blue", "green"];
    let mut order = String::new();
    while let Some(plate) = plates.pop() {
        order.push_str(plate); // <round#2> plate = "blue"; plates = ["red"]; plate: live, borrows 4 bytes of rodata
        println!("=plate {plate:?}\n=plates {plates:?}");
        order.push(' ');
    }
    println!("=order {order:?}\n=plates.len {}", plates.len()); // <empty> order = "green blue red "; plates.len = 0
    let mut digits = 9040u32;
    let mut sum = 0;
    while let 1.. = digits {
        sum += digits % 10; // <digit#3> digits = 90; sum = 4
        println!("=digits {digits}\n=sum {}", sum - digits % 10);
        digits /= 10;
    }
    println!("=sum {sum}"); // <sum> sum = 13
}
