//! Whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Happens {
    Passes(u64),
    Exits(prop::sample::Index, bool),
    Scales(u32),
    Terminates(prop::sample::Index, bool),
    Completes(prop::sample::Index),
    Interrupts(prop::sample::Index),
    Reshapes(u32, u32, bool),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (1u64..90).prop_map(Happens::Passes),
        (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(who, killed)| Happens::Exits(who, killed)),
        (0u32..9).prop_map(Happens::Scales),
        (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(who, less)| Happens::Terminates(who, less)),
        any::<prop::sample::Index>().prop_map(Happens::Completes),
        any::<prop::sample::Index>().prop_map(Happens::Interrupts),
        (0u32..4, 0u32..8, any::<bool>()).prop_map(|(min, more, new)| Happens::Reshapes(min, min + more, new)),
    ]
}

proptest! {
    /// Whatever happens: the capacity stays within its bounds, what counts is never more than desired once settled,
    /// nothing that left the group stays behind, and the end ends all.
    #[test]
    fn nothing_gets_lost(story in prop::collection::vec(happens(), 0..40)) {
        let mut scene = Scene::new(shape(1, 4), 2);
        for event in story {
            let ids = scene.ids();
            let who = |index: &prop::sample::Index| (!ids.is_empty()).then(|| ids[index.index(ids.len())].clone());
            match event {
                Happens::Passes(seconds) => scene.pass(seconds),
                Happens::Exits(index, killed) => {
                    let running = who(&index).filter(|id| {
                        scene.group.instance(id).is_some_and(|instance| instance.pid().is_some())
                    });
                    if let Some(id) = running {
                        scene.exits(&id, if killed { Exit::Killed } else { Exit::Ended("exit status: 1".into()) });
                    }
                }
                Happens::Scales(desired) => scene.group.request(desired, scene.now),
                Happens::Terminates(index, less) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.terminate(&id, less, scene.now);
                    }
                }
                Happens::Completes(index) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.complete(&id, "drain", scene.now);
                    }
                }
                Happens::Interrupts(index) => {
                    if let Some(id) = who(&index) {
                        let _ = scene.group.announce_interruption(&id, scene.now);
                    }
                }
                Happens::Reshapes(min, max, new) => {
                    let version = if new { "2" } else { "1" }.to_owned();
                    scene.group.reshape(Shape { version, ..shape(min, max) }, scene.now);
                }
            }
            scene.settle();
            let group = &scene.group;
            prop_assert!(group.desired >= group.shape.min && group.desired <= group.shape.max);
            prop_assert!(group.count(Instance::counts) <= group.desired as usize);
            let listed: BTreeSet<String> = scene.ids().into_iter().collect();
            prop_assert_eq!(&listed, &scene.there);
        }
        scene.group.end("it is over", 3 * SECOND, scene.now);
        scene.settle();
        scene.pass(10);
        for id in scene.ids() {
            prop_assert!(scene.killed.contains(&id));
            scene.exits(&id, Exit::Killed);
        }
        prop_assert!(scene.there.is_empty());
    }
}
