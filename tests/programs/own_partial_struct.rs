//! A field that is moved out leaves a struct that is not whole; a new value makes it whole again.
//! exit: 0

struct Order {
    customer: String,
    item: String,
    count: u32,
}

fn main() {
    let mut order = Order { customer: "Ada".to_string(), item: "lamp".to_string(), count: 2 };
    let item = order.item; // <whole> order: live, owns 2 blocks in all; item: uninit
    println!("{item}"); // <out> order: partly-moved, without item; item: live; event move order.item to item
    let customer = order.customer;
    println!("{customer} {}", order.count); // <both> order: partly-moved, without item, without customer
    order.item = String::from("bulb");
    println!("{}", order.item); // <one-back> order: partly-moved, without customer, owns a block
    order.customer = customer;
    let copy = &order; // <whole-again> order: live, owns 2 blocks in all; customer: moved
    println!("{} {}", copy.customer, copy.count); // <end> order: live, lent to copy
}
