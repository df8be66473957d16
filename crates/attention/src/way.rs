use hither_protocol::DeviceId;

/// One way to alert: a device, through its stream or its push service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) device: DeviceId,
    pub(crate) via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Stream,
    Push,
}

impl Way {
    pub(crate) fn stream(device: &DeviceId) -> Self {
        let device = device.clone();
        Self {
            device,
            via: Via::Stream,
        }
    }

    pub(crate) fn push(device: &DeviceId) -> Self {
        let device = device.clone();
        Self {
            device,
            via: Via::Push,
        }
    }
}
