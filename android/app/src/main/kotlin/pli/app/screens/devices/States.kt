package pli.app.screens.devices

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import java.time.LocalDate
import pli.DeviceId
import pli.app.gallery.Picture
import pli.app.ui.AppTheme

private val today = LocalDate.now()
private val here = DeviceRow(DeviceId("d1"), today.minusDays(200), here = true)
private val other = DeviceRow(DeviceId("d2"), today.minusDays(20), today.minusDays(1), number = "27182 81828 45904 52353 60287 47135")
private val new = DeviceRow(DeviceId("d3"), today, today, missing = 4, number = "31415 92653 58979 32384 62643 38327")

val devicesStates = listOf(
    of("one", DevicesState(listOf(here))),
    of("several", DevicesState(listOf(here, other, new, other.copy(id = DeviceId("d4"), revoked = true)))),
    of("revoking", DevicesState(listOf(here, other), revoking = other.id)),
)

private fun of(name: String, state: DevicesState) = Picture("devices", name) { DevicesView(state, { _, _ -> }, {}) }

@Preview
@Composable
private fun Previews() = AppTheme { devicesStates[1].content() }
