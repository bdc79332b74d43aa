//! A list of hand-made nodes: only raw pointers say where they are, and their type what they hold.
//! exit: 0

struct Node {
    word: String,
    next: *mut Node,
}

fn push(head: &mut *mut Node, word: &str) {
    let node = Box::new(Node { word: word.to_owned(), next: *head });
    *head = Box::into_raw(node);
}

fn pop(head: &mut *mut Node) -> Option<String> {
    if head.is_null() {
        return None;
    }
    // SAFETY: every node came from `Box::into_raw` and is in the list once.
    let node = unsafe { Box::from_raw(*head) };
    *head = node.next;
    Some(node.word)
}

fn main() {
    let mut head = std::ptr::null_mut();
    push(&mut head, "heron");
    push(&mut head, "ibis");
    println!("@*head {head:p}\n=head.size {}", size_of_val(&head)); // <two>
    //   head: raw 32 bytes of heap, points to printed, size 8
    let mut words = Vec::new();
    while let Some(word) = pop(&mut head) {
        words.push(word);
    }
    println!("=words {words:?}"); // <none> words = ["ibis", "heron"]
    let noted: &mut [u16; 4] = Box::leak(Box::new([2, 3, 5, 7]));
    println!("=noted {noted:?}\n@*noted {noted:p}"); // <leaked>
    //   noted: live, points to printed; noted = [2, 3, 5, 7]
}
