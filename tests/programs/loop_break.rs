//! `loop` ends with `break`, which may carry a value or name an outer loop.
//! exit: 0

fn main() {
    let mut tries = 0;
    let found = loop {
        tries += 1; // <try#3> tries = 2
        println!("=tries {}", tries - 1);
        if tries * tries > 20 {
            break tries * 10;
        }
    };
    println!("=found {found}\n=tries {tries}"); // <found> found = 50; tries = 5
    let mut pair = (0, 0);
    'rows: for row in 1..10 {
        for column in 1..10 {
            if column > row {
                continue 'rows;
            }
            if row * column == 42 {
                pair = (row, column); // <hit> row = 7; column = 6
                println!("=row {row}\n=column {column}");
                break 'rows;
            }
        }
    }
    println!("=pair {pair:?}"); // <pair> pair = (7, 6)
    let label = 'block: {
        if pair.0 > 6 {
            break 'block "high";
        }
        "low"
    };
    println!("=label {label:?}"); // <label> label = "high"
}
