//! Sorting in place: values change seats, the array stays.
//! exit: 0

fn sort(list: &mut [i32]) -> u32 {
    let mut swaps = 0;
    for end in (1..list.len()).rev() {
        for i in 0..end {
            if list[i] > list[i + 1] {
                println!("=i {i}\n=end {end}\n=swaps {swaps}\n=list {list:?}"); // <swap#3> i = 0; end = 2; swaps = 2
                //   <swap#2> list: borrows-mut 16 bytes of main::cards; list = [3, 4, 2, 9]
                list.swap(i, i + 1);
                swaps += 1;
            }
        }
    }
    swaps
}

fn main() {
    let mut cards = [4, 3, 2, 9];
    let swaps = sort(&mut cards);
    println!("=cards {cards:?}\n=swaps {swaps}\n@cards {:p}", &cards); // <sorted>
    //   cards: live, place stack, at printed; cards = [2, 3, 4, 9]; swaps = 3
}
