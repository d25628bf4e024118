package pli.app.gallery

import pli.app.screens.conversation.conversationStates
import pli.app.screens.conversations.conversationsStates
import pli.app.screens.devices.devicesStates
import pli.app.screens.group.groupStates
import pli.app.screens.newconversation.newConversationStates
import pli.app.screens.person.personStates
import pli.app.screens.settings.settingsStates
import pli.app.screens.welcome.welcomeStates
import pli.app.ui.AppTheme

/** Every state of every screen: what is previewed is what is pictured. */
val states: List<Picture> by lazy {
    (welcomeStates + conversationsStates + conversationStates + newConversationStates + groupStates + personStates + devicesStates + settingsStates)
        .map { picture -> picture.copy(content = { AppTheme { picture.content() } }) }
}
