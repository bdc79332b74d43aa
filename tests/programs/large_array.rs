//! A large array makes a large frame.
//! exit: 0

fn average(samples: [f32; 4096]) -> f32 {
    println!("@samples {:p}\n=samples.size {}", &samples, size_of_val(&samples)); // <passed>
    //   frames = average, main; samples: live, size 16384, at printed
    samples.iter().sum::<f32>() / 4096.0
}

fn main() {
    let samples = [2.0f32; 4096];
    println!("@samples {:p}\n=samples.size {}", &samples, size_of_val(&samples)); // <here>
    //   samples: live, place stack, size 16384, at printed, owns nothing; samples[9] = 2.0
    println!("=samples[9] {:?}", samples[9]);
    let mean = average(samples);
    println!("=mean {mean:?}"); // <mean> mean = 2.0
    let big = vec![0u8; 1 << 20];
    println!("=big.len {}\n=big.bytes {}\n@big.heap {:p}", big.len(), big.capacity(), big.as_ptr()); // <on-heap>
    //   big: live, place stack, size 24, owns 1048576 bytes on the heap, heap at printed; big.len = 1048576
    println!("=big.size {}", size_of_val(&big));
}
