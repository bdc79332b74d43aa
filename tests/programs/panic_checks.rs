//! The checks that remain for run time: overflow, division, bounds, slices, text, `RefCell`, `unwrap`.
//! exit: 101

use std::cell::RefCell;
use std::panic::catch_unwind;

fn divide(a: i32, b: i32) -> i32 {
    a / b
}

fn add(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {
    let results = [
        catch_unwind(|| divide(7, 2)).is_ok(),
        catch_unwind(|| divide(7, 0)).is_ok(),
        catch_unwind(|| add(200, 100) > 0).is_ok(),
        catch_unwind(|| "naïve"[..3].len()).is_ok(),
        catch_unwind(|| {
            let cell = RefCell::new(1);
            let _reader = cell.borrow();
            *cell.borrow_mut() += 1;
        })
        .is_ok(),
        catch_unwind(|| [1, 2, 3][..].chunks(0).count()).is_ok(),
    ];
    println!("=results {results:?}"); // <caught> results = [true, false, false, false, false, false]
    let parsed: Result<u32, _> = "12a".parse::<u32>();
    println!("=parsed {parsed:?}"); // <last> parsed = Err(ParseIntError { kind: InvalidDigit })
    println!("{}", parsed.unwrap());
}
