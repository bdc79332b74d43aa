//! A function pointer is an address of code; a function item has no bytes at all.
//! exit: 0

fn double(n: i64) -> i64 {
    println!("=n {n}"); // <double> frames = double, main; n = 5
    n * 2
}

fn negate(n: i64) -> i64 {
    println!("=n {n}"); // <negate> frames = negate, main; n = 10
    -n
}

fn main() {
    let item = double;
    let pointer: fn(i64) -> i64 = double;
    println!("{} bytes\n=pointer.size {}", size_of_val(&item), size_of_val(&pointer)); // <two>
    //   item: owns nothing; pointer: live, place stack, size 8, fn double
    let steps: [fn(i64) -> i64; 2] = [pointer, negate];
    let mut value = 5;
    for step in steps {
        value = step(value); // <step#2> value = 10; step: live, fn negate
        println!("=value {}", -value);
    }
    let not_capturing: fn(char) -> bool = |c| c == 'z';
    println!("=value {value}\n{}", not_capturing('z') && item(1) == 2); // <done> value = -10
}
