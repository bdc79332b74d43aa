//! A second program of the same package: counts what the catalog knows.
//! exit: 4

use catalog::Catalog;

fn open() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add("soap", 250);
    catalog
}

fn main() {
    let catalog = open();
    let missing = (99..103).filter(|number| catalog.find(*number).is_none()).count();
    println!("=missing {missing}\n@catalog {:p}", &catalog); // <counted>
    //   missing = 3; catalog: live, place stack, at printed
    std::process::exit(missing as i32 + 1);
}
