package pli.app.screens.devices

import androidx.compose.runtime.Immutable
import java.time.LocalDate
import pli.DeviceId
import pli.app.ui.Sentence

@Immutable
data class DevicesState(val devices: List<DeviceRow>? = null, val revoking: DeviceId? = null, val problem: Sentence? = null)

@Immutable
data class DeviceRow(
    val id: DeviceId,
    val since: LocalDate,
    val seen: LocalDate? = null,
    val here: Boolean = false,
    val revoked: Boolean = false,
    /** Conversations that it is not in yet. */
    val missing: Int = 0,
    val number: String = "",
)
