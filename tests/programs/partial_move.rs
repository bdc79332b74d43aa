//! Moving one field out leaves the others; only they are dropped with the variable.
//! exit: 0

struct Parcel {
    label: String,
    weight: u32,
    content: Vec<u8>,
}

fn main() {
    let parcel = Parcel { label: "fragile".to_string(), weight: 3, content: vec![7; 20] };
    println!("=parcel.bytes {}\n@parcel {:p}", parcel.label.len() + parcel.content.len(), &parcel); // <whole>
    //   parcel: live, place stack, at printed, owns 27 bytes on the heap, owns 2 blocks in all
    let label = parcel.label;
    println!("=label {label:?}\n=label.bytes {}\n@label.heap {:p}", label.capacity(), label.as_ptr()); // <label-out>
    //   label: live, owns 7 bytes on the heap, heap at printed; label = "fragile"
    let content = parcel.content;
    println!("=content.len {}\n=content.bytes {}", content.len(), content.capacity()); // <content-out>
    //   content: live, owns 20 bytes on the heap; content.len = 20
    println!("{} of {} kg", label, parcel.weight);
}
