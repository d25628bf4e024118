//! Who is who, and who is no longer.

use std::sync::Arc;

use pli_proto::limits::PEOPLE_PAGE;
use pli_proto::pb;
use pli_proto::pb::directory_server::Directory;
use tonic::{Request, Response, Status};

use super::Shared;

pub(crate) struct DirectoryService(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl Directory for DirectoryService {
    async fn people(&self, request: Request<pb::PeopleRequest>) -> Result<Response<pb::PeopleResponse>, Status> {
        let page = self.0.engine.people(request.into_inner().since, PEOPLE_PAGE).await;
        let page = page.map_err(|error| self.0.engine_error(error))?;
        Ok(Response::new(pb::PeopleResponse {
            version: page.version,
            more: page.more,
            people: page.people,
            organisation: self.0.authority.organisation().name.clone(),
        }))
    }

    async fn revocations(
        &self,
        request: Request<pb::RevocationsRequest>,
    ) -> Result<Response<pb::RevocationList>, Status> {
        let list = self.0.engine.revocations(request.into_inner().since).await;
        Ok(Response::new(list.map_err(|error| self.0.engine_error(error))?))
    }
}
