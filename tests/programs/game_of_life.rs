//! Two generations of a small world: arrays are copied, not moved.
//! exit: 0

const SIZE: usize = 5;
type World = [[u8; SIZE]; SIZE];

fn neighbours(world: &World, row: usize, column: usize) -> u8 {
    let mut count = 0;
    for r in row.saturating_sub(1)..=(row + 1).min(SIZE - 1) {
        for c in column.saturating_sub(1)..=(column + 1).min(SIZE - 1) {
            if (r, c) != (row, column) {
                count += world[r][c];
            }
        }
    }
    count // <counted#8> row = 1; column = 2; count = 3; frames = neighbours, step, main
}

fn step(world: World) -> World {
    let mut next = [[0; SIZE]; SIZE];
    for row in 0..SIZE {
        for column in 0..SIZE {
            let count = neighbours(&world, row, column);
            let alive = count == 3 || (count == 2 && world[row][column] == 1);
            println!("=row {row}\n=column {column}\n=count {count}");
            next[row][column] = u8::from(alive);
        }
    }
    next
}

fn main() {
    let mut world = [[0; SIZE]; SIZE];
    world[2][1..4].fill(1);
    let after = step(world);
    println!("=world[2] {:?}\n=after[1] {:?}\n@after {:p}", world[2], after[1], &after); // <turned>
    //   world[2] = [0, 1, 1, 1, 0]; after[1] = [0, 0, 1, 0, 0]; after: live, at printed, place stack
}
