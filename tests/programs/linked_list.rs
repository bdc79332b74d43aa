//! A `LinkedList` has a block for each element, each with two pointers.
//! exit: 0

use std::collections::LinkedList;

fn main() {
    let mut train = LinkedList::new();
    println!("=train {train:?}\n@train {:p}\n=train.len {}", &train, train.len()); // <empty>
    //   train: live, place stack, at printed, owns nothing; train = []; train.len = 0
    train.push_back('b');
    train.push_back('c');
    train.push_front('a');
    println!("=train {train:?}\n=train.len {}", train.len()); // <three>
    //   train: owns 3 blocks in all; train = ['a', 'b', 'c']; train.len = 3
    let mut rear = train.split_off(1);
    println!("=train {train:?}\n=rear {rear:?}"); // <split>
    //   train = ['a']; rear = ['b', 'c']; train: owns 1 block in all; rear: live, owns 2 blocks in all
    rear.append(&mut train);
    println!("=train {train:?}\n=rear {rear:?}"); // <coupled> train = []; rear = ['b', 'c', 'a']; train: owns nothing
}
