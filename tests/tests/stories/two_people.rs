//! Two people, one server.

use pli_tests::{World, conversation, done, find, sees, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_exchange_a_text() {
    let world = World::new().await;
    let (anne, bao) = (world.enrol("Anne").await, world.enrol("Bảo").await);
    let pair = anne.pair(find(&anne, "Bảo").await.id).await.unwrap();
    let entry = anne.conversation(pair).send("Bonjour ! 👋", None, &[]).await.unwrap();
    done(&anne, pair, entry).await;
    let at_bao = conversation(&bao, "Anne").await;
    assert_eq!(at_bao, pair);
    sees(&bao, pair, "Bonjour ! 👋").await;
    let reply = bao.conversation(pair).send("Salut", Some(entry), &[]).await.unwrap();
    done(&bao, pair, reply).await;
    sees(&anne, pair, "Salut").await;
    assert_eq!(texts(&anne, pair).await, texts(&bao, pair).await);
}
