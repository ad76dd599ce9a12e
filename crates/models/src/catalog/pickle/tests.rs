//! Files as PyTorch writes them, and files made to do harm.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Format, StateDict};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/gpt2/weights").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(data(name).join("pytorch_model.bin")).unwrap()
}

/// Builds a zip archive with this pickle and one storage of 24 bytes.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("x/data.pkl", pickle), ("x/data/0", &[1; 24]), ("x/version", b"3")] {
        writer.start_file(name, stored).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Returns the instructions for a text.
fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn integer(number: i32) -> Vec<u8> {
    [b"J", &number.to_le_bytes()[..]].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn sizes(numbers: &[i32]) -> Vec<u8> {
    tuple(&numbers.iter().map(|number| integer(*number)).collect::<Vec<_>>())
}

/// Returns the instructions for a tensor over the storage `0`, which claims to have `count` elements.
fn tensor(storage: &str, count: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let id = tuple(&[text("storage"), storage.as_bytes().to_vec(), text("0"), text("cpu"), integer(count)]);
    let arguments =
        [[&id[..], b"Q"].concat(), integer(offset), sizes(shape), sizes(strides), b"\x89".to_vec(), b"N".to_vec()];
    [b"ctorch._utils\n_rebuild_tensor_v2\n", &tuple(&arguments)[..], b"R"].concat()
}

/// Returns the pickle of a dict with one value.
fn dict(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}", &text("w")[..], value, b"s."].concat()
}

const FLOATS: &str = "ctorch\nFloatStorage\n";

fn refusal(file: &[u8]) -> String {
    format!("{:#}", StateDict::read(file).unwrap_err())
}

#[test]
fn a_tensor_is_read_as_its_strides_say() {
    let file = archive(&dict(&tensor(FLOATS, 6, 1, &[2, 2], &[1, 3])));
    let state = StateDict::read(&file).unwrap();
    let [(name, tensor)] = state.tensors.as_slice() else { panic!("{state:?}") };
    assert_eq!((name.as_str(), state.format, tensor.dtype, &tensor.shape), ("w", Format::Zip, Dtype::F32, &vec![2, 2]));

    let mut numbered = file.clone();
    let start = tensor.storage.start;
    numbered[start..start + 24]
        .copy_from_slice(&[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5]);
    assert_eq!(*tensor.content(&numbered), [1, 1, 1, 1, 4, 4, 4, 4, 2, 2, 2, 2, 5, 5, 5, 5]);
}

#[test]
fn both_formats_give_the_same_tensors() {
    for (zip, stream) in [("zip", "stream"), ("strided_zip", "strided_stream"), ("old_zip", "old_stream")] {
        let (zip, stream) = (read(zip), read(stream));
        let (one, other) = (StateDict::read(&zip).unwrap(), StateDict::read(&stream).unwrap());
        assert_eq!((one.format, other.format), (Format::Zip, Format::Stream));
        assert_eq!(one.tensors.len(), other.tensors.len());
        for ((name, one), (other_name, other)) in one.tensors.iter().zip(&other.tensors) {
            assert_eq!((name, one.dtype, &one.shape), (other_name, other.dtype, &other.shape));
            assert!(one.content(&zip) == other.content(&stream), "{name}");
        }
    }
}

#[test]
fn a_pickle_that_would_call_something_is_refused_by_its_name() {
    let reduce = |name: &str, arguments: &[u8]| dict(&[name.as_bytes(), &tuple(&[arguments.to_vec()]), b"R"].concat());
    for (name, shown) in [
        ("cos\nsystem\n", "os.system"),
        ("cposix\nsystem\n", "posix.system"),
        ("c__builtin__\neval\n", "__builtin__.eval"),
        ("cbuiltins\nexec\n", "builtins.exec"),
        ("ctorch._utils\n_rebuild_sparse_tensor\n", "torch._utils._rebuild_sparse_tensor"),
        ("ctorch\nQInt8Storage\n", "torch.QInt8Storage"),
        ("ccollections\ndefaultdict\n", "collections.defaultdict"),
        ("cevil\x1b[2J\nx\n", "evil\\u{1b}[2J.x"),
    ] {
        let pickle = reduce(name, &text("echo run"));
        let message = refusal(&archive(&pickle));
        assert!(message.contains(&format!("refers to {shown}, which is not a tensor")), "{message}");
        assert!(message.contains("none of its code was run"), "{message}");
        assert_eq!(refusal(&[b"\x80\x02", &pickle[2..]].concat()), message, "in the older format too");
    }
    // The name as protocol 4 writes it.
    let newer = [b"\x80\x04", &text("os")[..], &text("system"), b"\x93", &tuple(&[text("x")]), b"R."].concat();
    assert!(refusal(&archive(&newer)).contains("os.system"));
}

#[test]
fn tensors_that_do_not_fit_their_storage_are_refused() {
    for (value, said) in [
        (tensor(FLOATS, 7, 0, &[7], &[1]), "would have 7 elements, but the file has 24 bytes"),
        (tensor(FLOATS, i32::MAX, 0, &[i32::MAX], &[1]), "would have 2147483647 elements"),
        (tensor("ctorch\nDoubleStorage\n", 6, 0, &[6], &[1]), "would have 6 elements, but the file has 24 bytes"),
        (tensor(FLOATS, 6, 3, &[4], &[1]), "reaches beyond its storage of 6 elements"),
        (tensor(FLOATS, 6, 0, &[2, 3], &[4, 1]), "reaches beyond its storage"),
        (tensor(FLOATS, 6, 0, &[i32::MAX; 4], &[i32::MAX; 4]), "reaches beyond its storage"),
        (tensor(FLOATS, 6, 0, &[-1], &[1]), "-1 where a size or an offset is expected"),
        (tensor(FLOATS, 6, -4, &[1], &[1]), "-4 where a size"),
        (tensor(FLOATS, 6, 0, &[2], &[-1]), "-1 where a size"),
        (tensor(FLOATS, 6, 0, &[2, 1], &[1]), "2 sizes and 1 strides"),
        (tensor(FLOATS, 6, 0, &[1; 9], &[1; 9]), "9 dimensions"),
        (tensor(FLOATS, 6, 0, &[30_000, 30_000], &[0, 0]), "far more memory than"),
    ] {
        let message = refusal(&archive(&dict(&value)));
        assert!(message.contains(said), "{said}: {message}");
    }
    let missing = dict(
        &tensor(FLOATS, 6, 0, &[6], &[1])
            .iter()
            .map(|byte| if *byte == b'0' { b'7' } else { *byte })
            .collect::<Vec<_>>(),
    );
    assert!(refusal(&archive(&missing)).contains("its storage is missing in the file"));
}

#[test]
fn bombs_end_in_an_error_at_once() {
    let nested = |count: usize| [b"\x80\x02)".to_vec(), vec![0x85; count], b".".to_vec()].concat();
    assert!(refusal(&archive(&nested(1_000_000))).contains("nested more than 64 deep"));
    let marks = [b"\x80\x02".to_vec(), vec![b'('; 3_000_000]].concat();
    assert!(refusal(&archive(&marks)).contains("instructions"));
    // A tuple of ten, ten of these, and so on: 10^40 values in 1000 bytes.
    let mut laughs = b"\x80\x02)q\x00".to_vec();
    (0..40).for_each(|_| laughs.extend([b"(".as_slice(), &b"h\x00".repeat(10), b"tq\x00"].concat()));
    laughs.push(b'.');
    let message = refusal(&archive(&laughs));
    assert!(message.contains("it contains a tuple where a dict"), "{message}");
    // A list of pairs that is turned into a dict again and again.
    let pair = tuple(&[text("a"), b"N".to_vec()]);
    let mut copies = [b"\x80\x02](".to_vec(), pair.repeat(1000), b"eq\x00".to_vec()].concat();
    (0..10_000).for_each(|_| copies.extend(b"ccollections\nOrderedDict\nh\x00\x85R"));
    let message = refusal(&archive(&copies));
    assert!(message.contains("more than 4000000 values"), "{message}");
    let wide = [b"\x80\x02ccollections\nOrderedDict\n(".to_vec(), b"N".repeat(1000), b"tR.".to_vec()].concat();
    assert!(refusal(&archive(&wide)).contains("1000 arguments"));
}

#[test]
fn an_archive_with_compressed_entries_is_refused_unread() {
    // An entry that, by its header, is a thousand million zeros: PyTorch stores entries uncompressed.
    let mut file = archive(&dict(&tensor(FLOATS, 6, 0, &[6], &[1])));
    let patch = |file: &mut Vec<u8>, signature: &[u8], method: usize, size: usize| {
        let places: Vec<usize> =
            file.windows(4).enumerate().filter(|(_, bytes)| *bytes == signature).map(|(at, _)| at).collect();
        let at = places[1];
        file[at + method] = 8;
        file[at + size..at + size + 4].copy_from_slice(&1_000_000_000_u32.to_le_bytes());
    };
    patch(&mut file, b"PK\x01\x02", 10, 24);
    patch(&mut file, b"PK\x03\x04", 8, 22);
    let message = refusal(&file);
    assert!(message.contains("compressed or encrypted entries"), "{message}");
}

#[test]
fn a_file_that_is_cut_off_says_so_wherever_the_cut_is() {
    for name in ["zip", "stream"] {
        let file = read(name);
        for length in (4..file.len()).step_by(file.len() / 97) {
            let message = refusal(&file[..length]);
            assert!(message.contains("cut off"), "{name} at {length}: {message}");
        }
    }
}

#[test]
fn what_is_no_state_dict_is_named() {
    for (pickle, said) in [
        (b"\x80\x02]." as &[u8], "it contains a list where a dict of tensors is expected"),
        (b"\x80\x02}.", "it contains no tensors by name"),
        (&dict(b"K\x03"), "no tensors by name, only w; save the model's state_dict"),
        (b"\x80\x02K\x01.", "it contains a whole number"),
        (b"\x80\x00.", "protocol 0"),
        (b"\x80\x02I1\n.", "the instruction 0x49 (I)"),
        (b"\x80\x02h\x07.", "recalls a value that it never kept"),
        (b"\x80\x02t.", "takes a value where there is none"),
        (b"\x80\x02K\x01)R.", "it calls a whole number"),
        (b"\x80\x02K\x01}b.", "sets the state of a whole number"),
        (b"\x80\x02]K\x01K\x02s.", "it adds to a list"),
    ] {
        let message = refusal(&archive(pickle));
        assert!(message.contains(said), "{message}");
    }
    for (file, said) in [
        (&b"{\"json\": 1}"[..], "neither of PyTorch's two formats"),
        (b"\x80\x02K\x01.", "no file of weights that torch.save wrote"),
        (b"PK\x03\x04 and nothing of it", "cut off or damaged"),
    ] {
        let message = refusal(file);
        assert!(message.contains(said), "{message}");
    }
    let mut other_order = read("zip");
    let at = other_order.windows(6).position(|bytes| bytes == b"little").unwrap();
    other_order[at..at + 6].copy_from_slice(b"big\0\0\0");
    assert!(refusal(&other_order).contains("big-endian machine"));
}

proptest::proptest! {
    #[test]
    fn any_damage_ends_in_a_value_or_an_error(at in 0_usize..4000, byte: u8, which in 0_usize..2) {
        let mut file = read(["zip", "stream"][which]);
        file[at] = byte;
        if let Ok(state) = StateDict::read(&file) {
            for (_, tensor) in &state.tensors {
                proptest::prop_assert_eq!(tensor.content(&file).len(), tensor.size());
            }
        }
    }
}
