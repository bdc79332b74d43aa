//! An example of the library.
//! exit: 0

use catalog::Catalog;

fn open() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add("soap", 250);
    catalog.add("brush", 1200);
    catalog
}

fn main() {
    let catalog = open();
    let label = catalog.label();
    let total = catalog.price(&[100, 101, 999]);
    println!("=label {label:?}\n=total {total}\n=label.bytes {}", label.capacity()); // <priced>
    //   label: live, place stack, owns 7 bytes on the heap; label = "catalog"; total = 1450
    //   catalog: live, owns 3 blocks in all
}
