//! Reads bytes as a file of PyTorch's weights, and as the pickle inside one: tensors that are in the file, or an
//! error. A file that can be read is then converted, and the result is a checkpoint of the same tensors.

#![no_main]

use std::io::{Cursor, Write as _};

use libfuzzer_sys::fuzz_target;
use pregonero_fuzz::folder;
use pregonero_models::catalog::pickle::StateDict;
use pregonero_models::catalog::{ModelFiles, convert};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fuzz_target!(|data: &[u8]| {
    read(data);
    if !data.starts_with(b"PK") {
        read(&archive(data));
    }
});

fn read(file: &[u8]) {
    match StateDict::read(file) {
        Ok(state) => {
            for (name, tensor) in &state.tensors {
                assert_eq!(tensor.content(file).len(), tensor.size(), "{name}");
            }
            convert_and_open(file);
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}

fn convert_and_open(file: &[u8]) {
    let folder = folder("pickle", &[("config.json", b"{}"), ("pytorch_model.bin", file)]);
    let converted = convert(&folder).expect("what can be read can be converted");
    let files = ModelFiles::in_folder(&folder).expect("the folder is there");
    assert_eq!(files.sha256().expect("readable"), converted.conversion.sources[0].sha256);
    files.parameters().expect("its header can be read");
    assert!(convert(&folder).expect("it is there").was_there);
}

/// Builds an archive with this pickle and storages of 64 bytes.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("x/data.pkl", pickle), ("x/data/0", &[7; 64]), ("x/data/1", &[1; 64])] {
        writer.start_file(name, stored).expect("an entry begins");
        writer.write_all(content).expect("memory can be written");
    }
    writer.finish().expect("the archive ends").into_inner()
}
