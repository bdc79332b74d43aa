//! A tuple is a struct without field names.
//! exit: 0

fn min_max(values: &[i32]) -> (i32, i32) {
    let mut pair = (values[0], values[0]);
    for &value in values {
        pair = (pair.0.min(value), pair.1.max(value)); // <round#4> value = -8; pair = (3, 9)
        println!("=value {value}");
        if value == 9 {
            println!("=pair {pair:?}"); // <nine> pair = (3, 9); pair.1 = 9
            println!("=pair.1 {}", pair.1);
        }
    }
    pair
}

fn main() {
    let (low, high) = min_max(&[3, 5, 9, -8]);
    println!("=low {low}\n=high {high}"); // <taken-apart> low = -8; high = 9
    let mixed = (7u8, "ferry", 2.5, ('x', [true, false]));
    println!("=mixed {mixed:?}\n=mixed.0 {:?}\n@mixed {:p}", mixed.0, &mixed); // <mixed>
    //   mixed: live, place stack, at printed; mixed = (7, "ferry", 2.5, ('x', [true, false])); mixed.0 = 7
    let unit = ();
    println!("=unit {unit:?}"); // <unit> unit = ()
}
