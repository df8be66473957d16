//! The kinds of people there are.

/// How one kind of person lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(super) desktops: u8,
    pub(super) phones: Phones,
    /// Locks the screen on leaving it.
    pub(super) locks: f64,
    /// Takes the phone along on leaving the desk.
    pub(super) takes_phone: f64,
    /// Would notice the phone in a meeting.
    pub(super) phone_in_meeting: f64,
    /// Reads without input, for so much of the time at the desk.
    pub(super) reads: f64,
    /// Time at the desk between two absences, in minutes.
    pub(super) at_desk: u64,
    /// Absences that are meetings elsewhere, and that are calls at the desk.
    pub(super) meetings: f64,
    pub(super) calls: f64,
    /// Uses of the desktop in the evening that end with a film.
    pub(super) films: f64,
    /// Calls and films that the person walks away from while they run.
    pub(super) walks_off: f64,
    /// The last desktop is the one at home: always on, never locked, used when not at work.
    pub(super) home_desktop: bool,
    /// The desktop is a laptop that sleeps when it is not used for long.
    pub(super) sleeps: bool,
    /// Works, and from when to when.
    pub(super) hours: (u64, u64),
    /// Uses the desktop in the evening and at weekends.
    pub(super) evenings: f64,
    /// Opens what was noticed, within minutes.
    pub(super) opens: f64,
    /// Network losses of a desktop a day.
    pub(super) losses: f64,
    /// Losses of the phone's network a day.
    pub(super) phone_losses: f64,
}

/// The phones and tablets of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phones {
    None,
    One,
    /// And a tablet, which stays at home.
    AndTablet,
    /// One for work, which stays in the bag or at work when that is over, and one of their own.
    ForWorkAndOwn,
}

impl Phones {
    pub(crate) const fn count(self) -> u8 {
        match self {
            Self::None => 0,
            Self::One => 1,
            Self::AndTablet | Self::ForWorkAndOwn => 2,
        }
    }
}

const OFFICE: Kind = Kind {
    name: "office",
    desktops: 1,
    phones: Phones::One,
    locks: 0.6,
    takes_phone: 0.85,
    phone_in_meeting: 0.7,
    reads: 0.4,
    at_desk: 45,
    meetings: 0.25,
    calls: 0.1,
    films: 0.2,
    walks_off: 0.1,
    home_desktop: false,
    sleeps: false,
    hours: (9, 18),
    evenings: 0.1,
    opens: 0.6,
    losses: 0.3,
    phone_losses: 1.5,
};

/// The kinds of people there are.
pub(crate) const KINDS: [Kind; 12] = [
    OFFICE,
    Kind {
        name: "developer",
        desktops: 1,
        reads: 0.55,
        at_desk: 80,
        meetings: 0.15,
        hours: (10, 19),
        evenings: 0.4,
        opens: 0.4,
        ..OFFICE
    },
    Kind {
        name: "manager",
        locks: 0.8,
        takes_phone: 0.97,
        at_desk: 20,
        meetings: 0.6,
        sleeps: true,
        losses: 1.5,
        phone_losses: 3.0,
        ..OFFICE
    },
    Kind {
        name: "remote",
        locks: 0.1,
        takes_phone: 0.6,
        at_desk: 35,
        meetings: 0.0,
        calls: 0.4,
        sleeps: true,
        evenings: 0.5,
        losses: 2.0,
        ..OFFICE
    },
    Kind {
        name: "student",
        locks: 0.3,
        takes_phone: 0.95,
        reads: 0.65,
        at_desk: 30,
        meetings: 0.3,
        sleeps: true,
        hours: (11, 21),
        evenings: 0.7,
        losses: 4.0,
        phone_losses: 4.0,
        opens: 0.7,
        ..OFFICE
    },
    Kind {
        name: "two desktops",
        desktops: 2,
        reads: 0.5,
        locks: 0.4,
        ..OFFICE
    },
    Kind {
        name: "no phone",
        phones: Phones::None,
        locks: 0.5,
        ..OFFICE
    },
    Kind {
        name: "forgets the phone",
        takes_phone: 0.25,
        phone_in_meeting: 0.4,
        phone_losses: 3.0,
        ..OFFICE
    },
    Kind {
        name: "phone and tablet",
        phones: Phones::AndTablet,
        evenings: 0.3,
        ..OFFICE
    },
    Kind {
        name: "two phones",
        phones: Phones::ForWorkAndOwn,
        ..OFFICE
    },
    Kind {
        name: "leaves films running",
        calls: 0.3,
        films: 0.8,
        walks_off: 0.5,
        locks: 0.2,
        evenings: 0.7,
        ..OFFICE
    },
    Kind {
        name: "desktop at home",
        desktops: 2,
        home_desktop: true,
        evenings: 0.6,
        films: 0.5,
        walks_off: 0.3,
        ..OFFICE
    },
];
