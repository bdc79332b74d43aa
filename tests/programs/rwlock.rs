//! An `RwLock` lets many read or one write.
//! exit: 0

use std::sync::RwLock;

fn main() {
    let price = RwLock::new(100);
    println!("=price {price:?}\n@price {:p}", &price); // <free>
    //   price: live, place stack, at printed; price = RwLock { data: 100, poisoned: false, .. }
    {
        let a = price.read().unwrap();
        let b = price.read().unwrap();
        println!("=a {a:?}\n=b {b:?}"); // <reading> a: live; b: live; a = 100; b = 100
        println!("may it be written? {}", price.try_write().is_ok());
    }
    *price.write().unwrap() += 20;
    println!("=price {price:?}"); // <written> price = RwLock { data: 120, poisoned: false, .. }
}
