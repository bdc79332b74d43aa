//! A `HashMap` keeps its entries in one table, in an order of its own.
//! exit: 0

use std::collections::HashMap;

fn main() {
    let mut stock: HashMap<String, u32> = HashMap::new();
    println!("=stock {stock:?}\n=stock.len {}\n@stock {:p}", stock.len(), &stock); // <empty>
    //   stock: live, place stack, at printed, size 48, owns nothing; stock = {}; stock.len = 0
    println!("=stock.size {}", size_of_val(&stock));
    stock.insert("pears".to_string(), 4);
    println!("=stock {stock:?}\n=stock.len {}", stock.len()); // <one>
    //   stock: owns a block, owns 2 blocks in all; stock = {"pears": 4}; stock.len = 1
    *stock.entry("pears".to_string()).or_insert(0) += 10;
    let pears = &stock["pears"];
    println!("=pears {pears}\n@*pears {:p}", pears); // <found>
    //   pears: live, borrows 4 bytes of heap, borrows heap of stock, points to printed; pears = 14
    for n in 0..20 {
        stock.insert(format!("box {n}"), n);
    }
    println!("=stock.len {}\n{}", stock.len(), stock["box 7"]); // <many>
    //   stock.len = 21; stock: owns 22 blocks in all
    stock.clear();
    println!("=stock {stock:?}\n=stock.len {}", stock.len()); // <cleared>
    //   stock = {}; stock.len = 0; stock: owns 1 block in all
}
