package pli.app.screens.devices

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import java.time.LocalDate
import pli.DeviceId
import pli.app.R
import pli.app.screens.person.Digits
import pli.app.ui.Drawing
import pli.app.ui.Gap
import pli.app.ui.Mark
import pli.app.ui.Screen
import pli.app.ui.Sure
import pli.app.ui.say
import pli.app.ui.text

@Composable
fun DevicesView(
    state: DevicesState,
    onApprove: (DeviceId, String) -> Unit,
    onRevoke: (DeviceId) -> Unit,
    onTold: () -> Unit = {},
    onBack: (() -> Unit)? = {},
) {
    var approving by rememberSaveable { mutableStateOf<String?>(null) }
    var revoking by rememberSaveable { mutableStateOf<String?>(null) }
    fun device(id: String?) = state.devices?.find { it.id.text == id }
    Screen(stringResource(R.string.devices_title), onBack, state.problem, onTold) { insets ->
        LazyColumn(Modifier.fillMaxSize(), contentPadding = insets) {
            items(state.devices.orEmpty(), { it.id.text }) { device ->
                Device(device, device.id == state.revoking, { approving = device.id.text }, { revoking = device.id.text })
                HorizontalDivider(color = MaterialTheme.colorScheme.outlineVariant)
            }
        }
    }
    device(approving)?.let { device ->
        AlertDialog(
            { approving = null },
            title = { Text(stringResource(R.string.devices_approve)) },
            text = {
                Column(verticalArrangement = Arrangement.spacedBy(Gap.edge)) {
                    Text(stringResource(R.string.devices_approve_how))
                    Digits(device.number)
                }
            },
            confirmButton = {
                TextButton({
                    approving = null
                    onApprove(device.id, device.number)
                }) { Text(stringResource(R.string.person_verify)) }
            },
            dismissButton = { TextButton({ approving = null }) { Text(stringResource(R.string.app_cancel)) } },
        )
    }
    device(revoking)?.let { device ->
        Sure(stringResource(R.string.devices_revoke_sure), stringResource(R.string.devices_revoke), { onRevoke(device.id) }) { revoking = null }
    }
}

@Composable
private fun Device(device: DeviceRow, revoking: Boolean, onApprove: () -> Unit, onRevoke: () -> Unit) = Row(
    Modifier.fillMaxWidth().padding(horizontal = Gap.edge, vertical = Gap.edge),
    Arrangement.spacedBy(Gap.edge),
) {
    Drawing(R.drawable.phone, null, Modifier.padding(top = Gap.tiny))
    Column(Modifier.weight(1f)) {
        Column(Modifier.semantics(mergeDescendants = true) {}, Arrangement.spacedBy(Gap.tiny)) {
            Text(stringResource(if (device.here) R.string.devices_this else R.string.devices_other), style = MaterialTheme.typography.bodyLarge)
            Quiet(R.string.devices_enrolled, device.since)
            device.seen?.let { if (!device.here) Quiet(R.string.devices_seen, it) }
            if (device.revoked) Mark(stringResource(R.string.devices_revoked), Modifier.padding(top = Gap.small))
            if (device.missing > 0 && !device.revoked) {
                Text(
                    pluralStringResource(R.plurals.devices_missing, device.missing, device.missing),
                    color = MaterialTheme.colorScheme.error,
                    style = MaterialTheme.typography.bodyMedium,
                )
            }
        }
        // Both phones show the number of the two: the one that lets in, and the one that waits.
        if (!device.here && !device.revoked && device.number.isNotEmpty()) {
            Text(stringResource(R.string.devices_approve_how), Modifier.padding(vertical = Gap.medium), style = MaterialTheme.typography.bodyMedium)
            Digits(device.number)
        }
        if (!device.here && !device.revoked) {
            FlowRow(Modifier.fillMaxWidth(), Arrangement.End, itemVerticalAlignment = Alignment.CenterVertically) {
                if (revoking) {
                    CircularProgressIndicator(Modifier.size(18.dp), strokeWidth = 2.dp)
                    Text(stringResource(R.string.devices_revoking), Modifier.padding(Gap.large), style = MaterialTheme.typography.bodyMedium)
                } else {
                    TextButton(onRevoke) { Text(stringResource(R.string.devices_revoke), color = MaterialTheme.colorScheme.error) }
                    if (device.missing > 0) TextButton(onApprove) { Text(stringResource(R.string.devices_approve)) }
                }
            }
        }
    }
}

@Composable
private fun Quiet(id: Int, date: LocalDate) =
    Text(say(id, date).text(), color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
