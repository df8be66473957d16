use hither_protocol::{Because, Outcome, TraceStep, Traced};

use super::*;
use crate::store::{Decided, MAX_STEPS};

pub(crate) fn decided(account: &str, id: MessageId, because: Because, at: Timestamp) -> Decided {
    let decision = Traced {
        outcome: Outcome::Alerted,
        device: Some(device("desk")),
        because,
        facts: vec![],
    };
    Decided {
        account: name(account),
        id,
        step: TraceStep { at, decision },
    }
}

impl<B: Bed> Scene<B> {
    async fn decide(&self, account: &str, id: MessageId, because: Because) {
        let steps = vec![decided(account, id, because, self.hands.now())];
        self.store.add_steps(steps).await.unwrap();
    }

    async fn reasons(&self, account: &str, id: MessageId) -> Vec<Because> {
        let steps = self.store.trace(&inbox(account), id).await.unwrap();
        steps.iter().map(|step| step.decision.because).collect()
    }
}

pub(crate) async fn a_trace_is_kept_in_order_for_its_account<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada", "bob"]).await;
    let (first, second) = (Because::Active, Because::Handover);
    let at = scene.hands.now();
    let steps = [
        decided("ada", id, first, at),
        decided("bob", id, Because::Quiet, at),
        decided("ada", id, second, at),
    ];
    scene.store.add_steps(steps.to_vec()).await.unwrap();
    let scene = scene.reopen().await;
    let kept = scene.store.trace(&inbox("ada"), id).await.unwrap();
    assert_eq!(kept, [steps[0].step.clone(), steps[2].step.clone()]);
    assert_eq!(scene.reasons("bob", id).await, [Because::Quiet]);
}

pub(crate) async fn nobody_is_told_why_of_a_message_not_theirs<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada"]).await;
    scene.decide("ada", id, Because::Active).await;
    // A step that cannot be theirs opens nothing either.
    scene.decide("bob", id, Because::Active).await;
    let unknown = MessageId(Uuid::now_v7());
    for (reader, id) in [("bob", id), ("ada", unknown), ("bob", unknown)] {
        let told = scene.store.trace(&inbox(reader), id).await;
        assert_eq!(refused(told), StoreError::NotFound);
    }
    scene.store.recall(&publisher_id(), id).await.unwrap();
    let told = scene.store.trace(&inbox("ada"), id).await;
    assert_eq!(refused(told), StoreError::NotFound);
}

pub(crate) async fn a_trace_has_bounds<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada"]).await;
    let other = scene.publish(&["ada"]).await;
    scene.decide("ada", other, Because::Quiet).await;
    scene.decide("ada", id, Because::Active).await;
    let many = vec![decided("ada", id, Because::Handover, scene.hands.now()); MAX_STEPS as usize];
    scene.store.add_steps(many).await.unwrap();
    let reasons = scene.reasons("ada", id).await;
    assert_eq!(reasons, [Because::Handover; MAX_STEPS as usize]);
    assert_eq!(scene.reasons("ada", other).await, [Because::Quiet]);
}

pub(crate) async fn steps_about_what_is_gone_are_left_out<B: Bed>(bed: B) {
    let scene = Scene::new(bed).await;
    let id = scene.publish(&["ada"]).await;
    let at = scene.hands.now();
    let steps = vec![
        decided("eve", id, Because::Quiet, at),
        decided("ada", MessageId(Uuid::now_v7()), Because::Quiet, at),
        decided("ada", id, Because::Active, at),
    ];
    scene.store.add_steps(steps).await.unwrap();
    assert_eq!(scene.reasons("ada", id).await, [Because::Active]);
    scene.store.add_steps(vec![]).await.unwrap();
}
