//! How a socket is made.

use crate::{Error, ErrorKind, Result};
use skep_codec::uapi::linux::{XDP_COPY, XDP_USE_NEED_WAKEUP, XDP_ZEROCOPY};

/// What the kernel keeps free at the beginning of each frame (`XDP_PACKET_HEADROOM`).
const PACKET_HEADROOM: u32 = 256;
/// The smallest frame (`XDP_UMEM_MIN_CHUNK_SIZE`).
const SMALLEST_FRAME: u32 = 2048;

/// Who moves packets between a device and a socket's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// The device where its driver can, else the kernel; [`XskSocket::is_zero_copy`] tells.
    ///
    /// [`XskSocket::is_zero_copy`]: super::XskSocket::is_zero_copy
    #[default]
    Auto,
    /// The kernel copies (`XDP_COPY`).
    Copy,
    /// The device reads and writes frames itself, or binding fails (`XDP_ZEROCOPY`).
    ZeroCopy,
}

/// Sizes and modes of an [`XskSocket`](super::XskSocket).
///
/// The memory is `(rx_frames + tx_frames) * frame_bytes` long for each socket and stays locked. (Without
/// `CAP_IPC_LOCK` it counts against `RLIMIT_MEMLOCK`.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XskOptions {
    /// Frames for packets that come: as many wait at most for [`recv`]. A power of two.
    ///
    /// [`recv`]: super::XskSocket::recv
    pub rx_frames: u32,
    /// Frames for packets that go: as many can be on their way. A power of two.
    pub tx_frames: u32,
    /// Bytes of a frame, a power of two from 2048 up to a page. A packet that comes in has 256 less,
    /// and the headroom.
    pub frame_bytes: u32,
    /// Bytes to keep free before packets that come in, besides the 256 that are always: room for
    /// [`push_front`](super::RxFrame::push_front).
    pub headroom_bytes: u32,
    /// Who moves packets.
    pub copy: CopyMode,
    /// The kernel tells when it must be called, and needs no call else (`XDP_USE_NEED_WAKEUP`).
    pub need_wakeup: bool,
}

impl Default for XskOptions {
    /// 2048 frames of 2048 bytes for either direction: 8 MiB; calls only when needed.
    fn default() -> Self {
        Self {
            rx_frames: 2048,
            tx_frames: 2048,
            frame_bytes: SMALLEST_FRAME,
            headroom_bytes: 0,
            copy: CopyMode::Auto,
            need_wakeup: true,
        }
    }
}

impl XskOptions {
    /// Frames of a socket.
    pub(super) fn frames(&self) -> u32 {
        self.rx_frames.saturating_add(self.tx_frames)
    }

    /// Bytes of all frames of so many sockets.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what the kernel would refuse without a word.
    pub(super) fn len(&self, sockets: usize, page_size: usize) -> Result<usize> {
        let refuse = |what| Err(Error::new(ErrorKind::Invalid, what));
        for (name, frames) in [("rx_frames", self.rx_frames), ("tx_frames", self.tx_frames)] {
            if !frames.is_power_of_two() {
                return refuse(format!(
                    "{name} of an AF_XDP socket: {frames}, no power of two"
                ));
            }
        }
        let (frame, headroom) = (self.frame_bytes, self.headroom_bytes);
        let fits = frame >= SMALLEST_FRAME && frame as usize <= page_size;
        if !frame.is_power_of_two() || !fits {
            return refuse(format!(
                "frames of an AF_XDP socket have a power of two of bytes from {SMALLEST_FRAME} to {page_size}, not {frame}"
            ));
        }
        if headroom >= frame - PACKET_HEADROOM {
            return refuse(format!(
                "headroom of {headroom} bytes, and {PACKET_HEADROOM} of XDP, in frames of {frame}"
            ));
        }
        let frames = u64::from(self.rx_frames) + u64::from(self.tx_frames);
        let all = frames.saturating_mul(sockets as u64);
        let len = all.checked_mul(u64::from(frame));
        match len.and_then(|len| usize::try_from(len).ok()) {
            Some(len) if all <= u64::from(u32::MAX) => Ok(len),
            _ => refuse(format!("AF_XDP sockets with {all} frames")),
        }
    }

    /// What bind(2) takes.
    pub(super) fn bind_flags(&self) -> u16 {
        let copy = match self.copy {
            CopyMode::Auto => 0,
            CopyMode::Copy => XDP_COPY,
            CopyMode::ZeroCopy => XDP_ZEROCOPY,
        };
        match self.need_wakeup {
            true => copy | XDP_USE_NEED_WAKEUP,
            false => copy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::XskOptions;
    use crate::ErrorKind;

    #[test]
    fn sizes_that_the_kernel_would_refuse_are_told() {
        let good = XskOptions::default();
        assert_eq!(good.len(1, 4096).unwrap(), 8 << 20);
        assert_eq!(good.len(3, 4096).unwrap(), 24 << 20);
        assert!(good.len(1 << 20, 4096).is_err(), "2^32 frames");
        let with = |change: fn(&mut XskOptions)| {
            let mut options = good.clone();
            change(&mut options);
            let error = options.len(1, 4096).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            std::string::ToString::to_string(&error)
        };
        assert!(with(|o| o.rx_frames = 0).contains("rx_frames"));
        assert!(with(|o| o.tx_frames = 100).contains("100"));
        assert!(with(|o| o.frame_bytes = 1024).contains("1024"));
        assert!(with(|o| o.frame_bytes = 3000).contains("3000"));
        assert!(with(|o| o.frame_bytes = 8192).contains("to 4096"));
        assert!(with(|o| o.headroom_bytes = 1792).contains("1792"));
        assert!(with(|o| (o.rx_frames, o.tx_frames) = (1 << 31, 1 << 31)).contains("frames"));
    }
}
