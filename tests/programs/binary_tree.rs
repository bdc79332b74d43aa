//! A search tree of optional boxes: every node owns its two subtrees.
//! exit: 0

#[derive(Debug)]
struct Node {
    key: u32,
    left: Tree,
    right: Tree,
}

type Tree = Option<Box<Node>>;

fn insert(tree: &mut Tree, key: u32) {
    match tree {
        None => {
            *tree = Some(Box::new(Node { key, left: None, right: None })); // <leaf#3> key = 8; frames = insert, insert, main
            println!("=key {key}");
        }
        Some(node) if key < node.key => insert(&mut node.left, key),
        Some(node) => insert(&mut node.right, key),
    }
}

fn depth(tree: &Tree) -> u32 {
    let Some(node) = tree else { return 0 };
    let deeper = depth(&node.left).max(depth(&node.right));
    deeper + 1
}

fn main() {
    let mut root: Tree = None;
    for key in [5, 2, 8, 9] {
        insert(&mut root, key);
    }
    println!("=root.bytes {}\n=root.size {}\n@root {:p}", size_of::<Node>(), size_of_val(&root), &root); // <grown>
    //   root: live, place stack, at printed, size 8, owns 24 bytes on the heap, owns 4 blocks in all
    let deep = depth(&root);
    println!("=deep {deep}"); // <depth> deep = 3
    let left = root.as_mut().and_then(|node| node.left.take());
    println!("=left {left:?}"); // <cut-off> left = Some(Node { key: 2, left: None, right: None })
    //   left: owns 1 block in all; root: owns 3 blocks in all
}
