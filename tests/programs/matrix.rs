//! A `Vec<Vec<f64>>` has one block for each row and one for the row headers.
//! exit: 0

fn identity(size: usize) -> Vec<Vec<f64>> {
    let mut rows = Vec::with_capacity(size);
    for i in 0..size {
        let mut row = vec![0.0; size];
        row[i] = 1.0;
        rows.push(row); // <row#2> i = 1; row = [0.0, 1.0, 0.0]; row: live, owns 24 bytes on the heap
        println!("=i {i}\n=row {:?}\n=row.bytes {}", rows[i], 8 * rows[i].capacity());
    }
    rows
}

fn main() {
    let mut m = identity(3);
    println!("=m {m:?}\n=m.bytes {}\n@m {:p}", m.capacity() * size_of_val(&m[0]), &m); // <built>
    //   m: live, at printed, owns 72 bytes on the heap, owns 4 blocks in all
    //   m = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    m.swap(0, 2);
    println!("=m {m:?}"); // <swapped> m = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    m.pop();
    println!("=m {m:?}\n=m.len {}", m.len()); // <popped> m: owns 3 blocks in all; m.len = 2
}
