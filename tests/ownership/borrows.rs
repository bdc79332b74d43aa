//! A borrow ends with the last use of the reference, not with its scope.
fn first(numbers: &Vec<i32>) -> &i32 {
    &numbers[0]
}

fn add(numbers: &mut Vec<i32>) {
    numbers.push(4);
}

fn main() {
    let mut numbers = vec![1, 2, 3];
    let one = &numbers;
    let two = &numbers;
    println!("{} {}", one.len(), two.len());
    let change = &mut numbers;
    change.push(5);
    add(change);
    let again = &mut *change;
    again.push(6);
    change.push(7);
    let head = first(&numbers);
    println!("{head}");
    numbers.push(8);
}
