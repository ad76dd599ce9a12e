//! Where a model computes: on the CPU, or with CUDA if it is available.

use anyhow::Context as _;
use candle_core::Device;

use super::settings::DeviceChoice;

/// Returns the device, and why it is not CUDA although CUDA was preferred.
pub fn device(choice: DeviceChoice) -> anyhow::Result<(Device, Option<String>)> {
    match choice {
        DeviceChoice::Cpu => Ok((Device::Cpu, None)),
        DeviceChoice::Auto => Ok(match cuda(0) {
            Ok(device) => (device, None),
            Err(reason) => (Device::Cpu, Some(format!("no CUDA device ({reason:#}), using the CPU"))),
        }),
        DeviceChoice::Cuda(index) => {
            let device = cuda(index).with_context(|| {
                format!(
                    "generation.device or --device asks for cuda:{index}; set it to \"auto\" or \"cpu\" to do without"
                )
            })?;
            Ok((device, None))
        }
    }
}

fn cuda(index: usize) -> anyhow::Result<Device> {
    if !candle_core::utils::cuda_is_available() {
        anyhow::bail!("this program was built without CUDA");
    }
    Ok(Device::new_cuda(index)?)
}

/// Returns the name of a CUDA device, for the log and the record.
pub(super) fn cuda_name(choice: DeviceChoice) -> String {
    match choice {
        DeviceChoice::Cuda(index) => format!("cuda:{index}"),
        DeviceChoice::Auto | DeviceChoice::Cpu => "cuda:0".to_owned(),
    }
}
