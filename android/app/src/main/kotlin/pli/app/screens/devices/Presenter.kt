package pli.app.screens.devices

import pli.Client
import pli.DeviceId
import pli.DeviceInfo
import pli.PliException
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.ui.Sentence
import pli.app.ui.day

class DevicesPresenter(session: Session) : Presenter<DevicesState>(session, DevicesState()) {
    init {
        follow(Client::devices) { devices ->
            show { now ->
                // Until the list shows that it is out.
                val revoking = now.revoking?.takeUnless { id -> devices.any { it.id == id && it.revoked } }
                now.copy(devices = devices.map(::row), revoking = revoking)
            }
        }
    }

    override fun DevicesState.with(problem: Sentence?) = copy(problem = problem)

    override fun failed(problem: PliException) {
        show { it.copy(revoking = null) }
        super.failed(problem)
    }

    fun approve(device: DeviceId, number: String) = work { it.approve(device, number) }

    fun revoke(device: DeviceId) = work { client ->
        show { it.copy(revoking = device) }
        client.revoke(device)
    }
}

private fun row(device: DeviceInfo) = DeviceRow(
    device.id,
    device.enrolledAt.day(),
    device.seenOn?.day(),
    device.`this`,
    device.revoked,
    device.missingFrom,
    device.number,
)
