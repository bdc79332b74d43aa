//! An integration test: what it prints is captured by the test harness.
//! exit: 0
//! args: --nocapture --test-threads=1

use catalog::Catalog;

fn open() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add("soap", 250);
    catalog
}

#[test]
fn nothing_costs_nothing() {
    let catalog = open();
    let price = catalog.price(&[]);
    println!("=price {price}"); // <nothing> price = 0; catalog: live, place stack
    assert_eq!(price, 0);
}

#[test]
fn two_cost_twice_as_much() {
    let catalog = open();
    let price = catalog.price(&[100, 100]);
    println!("=price {price}\nthis line is captured"); // <twice> price = 500; catalog: live, owns 2 blocks in all
    assert_eq!(price, 2 * catalog.price(&[100]));
}
