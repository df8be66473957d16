//! The mark in the tray. Its states differ in shape, not only in colour.

use std::io::Cursor;

use hither_engine::view::{ConnectionView, View};

/// What the icon says at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IconState {
    /// Nothing waits.
    Quiet,
    /// Unread messages.
    Unread,
    /// One of them is urgent.
    Urgent,
    /// No pop-ups for a while.
    Paused,
    /// Nothing can arrive.
    Offline,
}

impl IconState {
    /// That nothing arrives outweighs that nothing pops up, and that outweighs what waits.
    pub(crate) fn of(view: &View) -> Self {
        if view.connection != ConnectionView::Online {
            Self::Offline
        } else if view.paused_until.is_some() {
            Self::Paused
        } else if view.glance.urgent {
            Self::Urgent
        } else if view.glance.unread > 0 {
            Self::Unread
        } else {
            Self::Quiet
        }
    }

    fn png(self) -> &'static [u8] {
        match self {
            Self::Quiet => include_bytes!("../../../icons/tray/quiet-on-light@2x.png"),
            Self::Unread => include_bytes!("../../../icons/tray/unread-on-light@2x.png"),
            Self::Urgent => include_bytes!("../../../icons/tray/urgent-on-light@2x.png"),
            Self::Paused => include_bytes!("../../../icons/tray/paused-on-light@2x.png"),
            Self::Offline => include_bytes!("../../../icons/tray/offline-on-light@2x.png"),
        }
    }
}

/// Rows of red, green, blue and alpha bytes.
pub(crate) struct Pixels {
    pub(crate) rgba: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A grey that stands out on light and dark panels alike, because no desktop says which colour
/// its panel has.
const ON_ANY_PANEL: [u8; 3] = [0x80, 0x85, 0x8f];

/// The icon as the tray takes it, in one colour.
pub(crate) fn pixels(state: IconState) -> Result<Pixels, png::DecodingError> {
    let mut reader = png::Decoder::new(Cursor::new(state.png())).read_info()?;
    let (width, height) = reader.info().size();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap_or(0)];
    reader.next_frame(&mut rgba)?;
    for pixel in rgba.chunks_exact_mut(4) {
        pixel[..3].copy_from_slice(&ON_ANY_PANEL);
    }
    Ok(Pixels {
        rgba,
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tray::tests::{offline, view};

    #[test]
    fn f1_the_icon_shows_the_most_important_state() {
        let with = |change: fn(&mut View)| {
            let mut view = view();
            change(&mut view);
            IconState::of(&view)
        };
        let table = [
            (with(|_| ()), IconState::Quiet),
            (with(|view| view.glance.unread = 1), IconState::Unread),
            (
                with(|view| (view.glance.unread, view.glance.urgent) = (2, true)),
                IconState::Urgent,
            ),
            (
                with(|view| {
                    view.glance.urgent = true;
                    view.paused_until = Some(hither_engine::view::UNTIL_RESUMED);
                }),
                IconState::Paused,
            ),
            (
                with(|view| {
                    view.paused_until = Some(hither_engine::view::UNTIL_RESUMED);
                    view.connection = offline();
                }),
                IconState::Offline,
            ),
            (
                with(|view| view.connection = ConnectionView::Connecting),
                IconState::Offline,
            ),
            (
                with(|view| view.connection = ConnectionView::SignedOut),
                IconState::Offline,
            ),
        ];
        for (row, (state, expected)) in table.into_iter().enumerate() {
            assert_eq!(state, expected, "row {row}");
        }
    }

    const ALL: [IconState; 5] = [
        IconState::Quiet,
        IconState::Unread,
        IconState::Urgent,
        IconState::Paused,
        IconState::Offline,
    ];

    #[test]
    fn every_state_has_its_own_shape() {
        let shapes = ALL.map(|state| {
            let icon = pixels(state).unwrap();
            assert_eq!((icon.width, icon.height), (44, 44));
            assert_eq!(icon.rgba.len(), 44 * 44 * 4);
            icon.rgba.into_iter().skip(3).step_by(4).collect::<Vec<_>>()
        });
        for (at, shape) in shapes.iter().enumerate() {
            let differing =
                |other: &Vec<u8>| shape.iter().zip(other).filter(|(a, b)| a != b).count();
            for other in &shapes[at + 1..] {
                assert!(differing(other) > 60, "{:?} looks like another", ALL[at]);
            }
        }
    }

    #[test]
    fn the_colour_stands_out_on_light_and_dark_panels() {
        for panel in [[255; 3], [0xf6; 3], [0x2b; 3], [0; 3]] {
            assert!(contrast(ON_ANY_PANEL, panel) >= 3.0, "on {panel:?}");
        }
    }

    /// WCAG's contrast ratio.
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = rgb.map(|byte| (f64::from(byte) / 255.0).powf(2.2));
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}
