//! `for` over ranges, slices, vectors and maps: each has an iterator behind it.
//! exit: 0

fn main() {
    let mut total = 0;
    for n in (0..=20).step_by(5) {
        total += n; // <step#4> n = 15; total = 15
        println!("=n {n}\n=total {}", total - n);
    }
    println!("=total {total}"); // <total> total = 50
    let mut grid = [[0u8; 3]; 2];
    for (r, row) in grid.iter_mut().enumerate() {
        for (c, cell) in row.iter_mut().enumerate() {
            *cell = (r * 3 + c) as u8; // <cell#5> r = 1; c = 1; cell: borrows-mut 1 byte of grid
            println!("=r {r}\n=c {c}");
        }
    }
    println!("=grid {grid:?}"); // <grid> grid = [[0, 1, 2], [3, 4, 5]]
    let mut countdown = Vec::new();
    for left in (1..4).rev() {
        countdown.push(left);
    }
    println!("=countdown {countdown:?}"); // <down> countdown = [3, 2, 1]
}
